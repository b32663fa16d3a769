"use strict";

/* Draws the county map from the shapes that the portal serves and the cells in the page. */
(() => {
  const HATCH = { symbol: "rect", color: "#b9bdc3", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4 };

  function loadLibrary() {
    if (window.echarts) return Promise.resolve(window.echarts);
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = document.body.dataset.echarts;
      script.onload = () => resolve(window.echarts);
      script.onerror = () => reject(new Error("echarts"));
      document.head.append(script);
    });
  }

  function itemOf(cell) {
    const style = cell.colour ? { areaColor: cell.colour } : { areaColor: "#f1f0ed", decal: HATCH };
    const emphasis = { itemStyle: { areaColor: style.areaColor } };
    return { name: cell.name, value: 0, title: cell.title, text: cell.text, url: cell.url, itemStyle: style, emphasis };
  }

  function optionOf(cells) {
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      tooltip: { confine: true, formatter: (item) => (item.data ? `${item.data.title}<br><b>${item.data.text}</b>` : "") },
      // Only what is hidden is hatched: with its own decals shown, ECharts would hatch every county.
      aria: { enabled: true, label: { enabled: false }, decal: { show: false } },
      series: [
        {
          type: "map",
          map: "region",
          roam: false,
          selectedMode: false,
          layoutCenter: ["50%", "50%"],
          layoutSize: "98%",
          aspectScale: 0.88,
          label: { show: false },
          itemStyle: { borderColor: "#a8a49b", borderWidth: 0.5, areaColor: "#f1f0ed" },
          emphasis: { label: { show: false }, itemStyle: { borderColor: "#b93418", borderWidth: 2 } },
          data: cells.map(itemOf),
        },
      ],
    };
  }

  async function draw(place) {
    const cells = JSON.parse(document.getElementById(place.dataset.map).textContent);
    const [echarts, shapes] = await Promise.all([loadLibrary(), fetch(place.dataset.shapes).then((answer) => answer.json())]);
    echarts.registerMap("region", shapes);
    let drawing = null;
    new ResizeObserver(() => {
      // ECharts fails on a map without a size: before layout, or on a page that is being left.
      if (!place.clientWidth || !place.clientHeight) return;
      if (drawing) return drawing.resize();
      drawing = echarts.init(place);
      drawing.setOption(optionOf(cells));
      drawing.on("click", (item) => item.data?.url && window.location.assign(item.data.url));
    }).observe(place);
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-map]").forEach(draw));
})();
