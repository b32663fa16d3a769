"use strict";

/* Small things: HTMX carries the CSRF token and tells failures, clocks tick, charts are drawn from the JSON beside them. */
(() => {
  const BLUE = "#14427a";
  const COUNTED = ["次", "户", "家", "笔", "件", "个", "人", "条"];
  const COLOURS = [BLUE, "#b93418", "#8a8f98", "#5f8bbd"];
  const INK = "#565c64";
  const LINE = "#dfdcd6";
  const TICK_MS = 30000;
  let library = null;

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = document.body.dataset.csrf;
  });

  /* A swap that failed must not look like one that changed nothing. */
  function tellFailure() {
    const box = document.getElementById("failure");
    box.hidden = false;
    box.querySelector("span").textContent = box.dataset.text;
    box.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("htmx:responseError", tellFailure);
  document.addEventListener("htmx:sendError", tellFailure);
  document.addEventListener("htmx:timeout", tellFailure);
  document.addEventListener("htmx:afterSwap", () => {
    document.getElementById("failure").hidden = true;
  });

  /* A browser asks for what is missing in its own language; the reader is asked in the page's. */
  document.addEventListener("invalid", (event) => {
    const box = event.target;
    const isChoice = box.matches("select, [type=checkbox], [type=file]");
    box.setCustomValidity("");
    // Another one of a group may be chosen, which would leave this one's words standing.
    if (!box.validity.valueMissing || box.type === "radio") return;
    const words = document.documentElement.lang.startsWith("zh") ? ["请填写这一项。", "请选择这一项。"] : ["Please fill this in.", "Please choose one."];
    box.setCustomValidity(words[isChoice ? 1 : 0]);
  }, true);
  for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => event.target.setCustomValidity?.(""), true);

  /* A second click while the first is on its way is the same deed, not another one; a file that comes leaves the page, and may be asked for again. */
  const SAME_DEED_MS = 4000;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, SAME_DEED_MS);
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  function leftText(milliseconds) {
    const minutes = Math.floor(milliseconds / 60000);
    const hours = Math.floor(minutes / 60);
    const days = Math.floor(hours / 24);
    if (milliseconds <= 0) return "已到期";
    if (days) return hours % 24 ? `还剩 ${days} 天 ${hours % 24} 小时` : `还剩 ${days} 天`;
    if (hours) return `还剩 ${hours} 小时 ${minutes % 60} 分`;
    return minutes ? `还剩 ${minutes} 分钟` : "不足 1 分钟";
  }

  function tick() {
    for (const clock of document.querySelectorAll("time[data-deadline]")) {
      const left = new Date(clock.dateTime) - Date.now();
      clock.textContent = leftText(left);
      clock.closest(".rq-clock")?.classList.toggle("rq-urgent", left < 86400000);
    }
  }

  /* A text must have been scrolled to its end before what it guards can be ticked. */
  function guardReading(box) {
    const gates = document.querySelectorAll(`[data-needs-reading="${box.id}"]`);
    const open = () => {
      if (box.scrollTop + box.clientHeight < box.scrollHeight - 8) return;
      for (const gate of gates) gate.disabled = false;
      document.querySelector(`[data-reading-hint="${box.id}"]`)?.setAttribute("hidden", "");
    };
    for (const gate of gates) gate.disabled = true;
    box.addEventListener("scroll", open, { passive: true });
    open();
  }

  /* One button ticks every box of its group, or none when all are ticked already. */
  function offerTicking(button) {
    // HTMX announces the first page as loaded, too: a second listener would take back what the first one ticked.
    if (button.dataset.offered) return;
    button.dataset.offered = "1";
    const boxes = [...button.closest("[data-tick-group]").querySelectorAll("input[type=checkbox]")];
    button.hidden = boxes.length < 2;
    button.addEventListener("click", () => {
      const isFull = boxes.every((box) => box.checked);
      for (const box of boxes) box.checked = !isFull;
    });
  }

  function loadLibrary() {
    library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = document.body.dataset.echarts;
      script.onload = () => resolve(window.echarts);
      script.onerror = () => reject(new Error("echarts"));
      document.head.append(script);
    });
    return library;
  }

  function seriesOf(data, entry, index) {
    const isLine = data.kind === "line";
    const colour = COLOURS[index % COLOURS.length];
    const alone = data.series.length === 1;
    return {
      name: entry.name,
      type: isLine ? "line" : "bar",
      data: entry.values,
      color: colour,
      symbol: "none",
      lineStyle: { width: 2, type: index ? "dashed" : "solid" },
      barMaxWidth: 22,
      // Names stand at the lines' ends; a legend would be one more thing to match by colour.
      endLabel: { show: isLine && !alone, formatter: "{a}", color: colour, fontSize: 13 },
      label: { show: !isLine && alone, position: data.kind === "hbar" ? "right" : "top", color: INK, fontSize: 12 },
      markPoint: isLine && alone ? lastPoint(entry.values, data.labels, colour) : undefined,
    };
  }

  function lastPoint(values, labels, colour) {
    const index = values.findLastIndex((value) => value !== null);
    if (index < 0) return undefined;
    return {
      symbol: "circle",
      symbolSize: 8,
      itemStyle: { color: colour },
      label: { show: true, position: "right", color: colour, fontWeight: 600, fontSize: 13 },
      data: [{ coord: [labels[index], values[index]], value: values[index] }],
    };
  }

  function optionOf(data, isNarrow) {
    const categories = {
      type: "category",
      data: data.labels,
      axisLabel: { color: INK, fontSize: 12, hideOverlap: true },
      axisLine: { lineStyle: { color: LINE } },
      axisTick: { show: false },
      inverse: data.kind === "hbar",
    };
    const values = {
      type: "value",
      axisLabel: { color: INK, fontSize: 12 },
      splitLine: { lineStyle: { color: "#eeece7" } },
      splitNumber: isNarrow ? 3 : 4,
      // Nobody makes a third of a call.
      minInterval: COUNTED.includes(data.unit) ? 1 : undefined,
      scale: data.kind === "line" && data.unit === "分",
    };
    const isFlat = data.kind === "hbar";
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 4, right: data.series.length > 1 && data.kind === "line" ? 92 : 58, top: 24, bottom: 4, containLabel: true },
      legend: data.kind !== "line" && data.series.length > 1 ? { right: 0, top: 0, itemWidth: 12, itemHeight: 12 } : undefined,
      tooltip: { trigger: "axis", confine: true, valueFormatter: (value) => (value == null ? "缺" : `${value} ${data.unit}`) },
      xAxis: isFlat ? values : categories,
      yAxis: isFlat ? categories : values,
      series: data.series.map((entry, index) => seriesOf(data, entry, index)),
    };
  }

  /* Beside a circle on a telephone there is room for four characters. */
  function ringLabel(label, isNarrow) {
    return isNarrow ? label.replace(/(（[^）]*）)$/, "\n$1").replace(/^([^\n（]{4})(?=[^\n（])/, "$1\n") : label;
  }

  /* A radar draws a missing value in the middle, as if it were zero; a line around a circle leaves a gap. */
  function ringOf(data, isNarrow) {
    const count = data.labels.length;
    const ring = (values) => [...values, values[0]].map((value, index) => [value, index]);
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      polar: { radius: isNarrow ? "56%" : "68%" },
      angleAxis: {
        type: "value", min: 0, max: count, interval: 1, startAngle: 90,
        axisLabel: { color: INK, fontSize: isNarrow ? 11 : 12, formatter: (value) => ringLabel(data.labels[value] ?? "", isNarrow) },
        axisLine: { lineStyle: { color: LINE } }, axisTick: { show: false }, splitLine: { lineStyle: { color: "#eeece7" } },
      },
      radiusAxis: {
        type: "value", min: 0, max: 100, interval: 25,
        axisLabel: { color: INK, fontSize: 11 }, axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: LINE } },
      },
      tooltip: {
        confine: true,
        formatter: (point) => `${data.labels[point.value[1] % count]}：${point.value[0]} ${data.unit}`,
      },
      legend: { bottom: 0, itemWidth: 18, itemHeight: 10, textStyle: { color: INK } },
      series: data.series.map((entry, index) => ({
        name: entry.name,
        type: "line",
        coordinateSystem: "polar",
        data: ring(entry.values),
        color: index ? COLOURS[2] : BLUE,
        symbol: index ? "none" : "circle",
        symbolSize: 7,
        lineStyle: { width: 2, type: index ? "dashed" : "solid" },
        connectNulls: false,
      })),
    };
  }

  function graphOf(data, isNarrow) {
    const middle = { id: "0", name: data.middle, category: 0, symbolSize: 34, symbol: "circle", label: { fontWeight: 600 } };
    const SHAPES = ["circle", "rect", "triangle", "diamond", "roundRect", "pin"];
    return {
      animation: false,
      color: [BLUE, ...COLOURS.slice(1), "#7a6a45", "#4d7a5d"],
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      legend: { bottom: 0, data: data.kinds.map((name, index) => ({ name, icon: SHAPES[(index + 1) % SHAPES.length] })), textStyle: { color: INK } },
      tooltip: { confine: true, formatter: (point) => point.data.tie ?? point.data.value ?? point.name },
      series: [
        {
          type: "graph",
          layout: "force",
          force: { repulsion: isNarrow ? 160 : 420, edgeLength: isNarrow ? 60 : 120, layoutAnimation: false },
          top: 24, bottom: 56, left: isNarrow ? 24 : 80, right: isNarrow ? 24 : 80,
          categories: [{ name: "本企业" }, ...data.kinds.map((name) => ({ name }))],
          data: [middle, ...data.nodes.map((node) => ({ ...node, symbolSize: 18, symbol: SHAPES[node.category % SHAPES.length] }))],
          links: data.nodes.map((node) => ({ source: "0", target: node.id })),
          label: { show: true, position: "bottom", color: INK, fontSize: 12, width: isNarrow ? 84 : 150, overflow: "break" },
          lineStyle: { color: LINE, width: 1.5 },
        },
      ],
    };
  }

  const DRAWINGS = { radar: ringOf, graph: graphOf };

  async function drawCharts(root) {
    const places = [...root.querySelectorAll("[data-chart]")].filter((place) => !place.dataset.drawn);
    if (!places.length) return;
    const echarts = await loadLibrary();
    for (const place of places) {
      place.dataset.drawn = "1";
      const data = JSON.parse(document.getElementById(place.dataset.chart).textContent);
      const drawing = echarts.init(place, null, { renderer: "svg" });
      drawing.setOption((DRAWINGS[data.kind] ?? optionOf)(data, place.clientWidth < 480));
      new ResizeObserver(() => drawing.resize()).observe(place);
    }
  }

  function start(root) {
    root.querySelectorAll("[data-reading]").forEach(guardReading);
    root.querySelectorAll("[data-tick-all]").forEach(offerTicking);
    drawCharts(root);
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  document.addEventListener("DOMContentLoaded", () => {
    start(document);
    document.querySelector("main [aria-invalid=true]")?.focus();
    setInterval(tick, TICK_MS);
  });
  document.addEventListener("htmx:load", (event) => start(event.detail.elt));
})();
