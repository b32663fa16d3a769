"use strict";

/* Fills in the last day of the chosen table's cycle, until the clerk has chosen a day. */
(() => {
  const place = document.getElementById("cycle-days");
  const form = place?.closest("form");
  if (!form) return;
  const days = JSON.parse(place.textContent);
  const table = form.elements.namedItem("contract");
  const day = form.elements.namedItem("day");
  let filled = day.value === days[table.value] ? day.value : null;
  table.addEventListener("change", () => {
    if (day.value !== filled || !days[table.value]) return;
    filled = day.value = days[table.value];
  });
})();

/* Sends the chosen file in portions by the tus protocol; a file that was begun before goes on where it broke off. */
(() => {
  const PORTION_BYTES = 4 * 1024 * 1024;
  const RETRY_MS = [0, 1000, 3000, 8000, 15000];
  const form = document.querySelector("form[data-tus]");
  if (!form || !window.tus?.isSupported) return;

  const state = form.querySelector("[data-upload-state]");
  const bar = state.querySelector("progress");
  const words = state.querySelector("[data-upload-text]");
  const problem = form.querySelector("[data-upload-problem]");
  const button = form.querySelector("button[type=submit]");

  function tellProblem(text) {
    problem.textContent = text;
    problem.hidden = false;
    button.disabled = false;
  }

  function reasonOf(error) {
    try {
      const answer = JSON.parse(error.originalResponse.getBody());
      return `${answer.title}：${answer.detail}`;
    } catch {
      return "网络中断，文件没有传完。网络恢复后再次点击“上传并检查”，将从断点继续。";
    }
  }

  function size(bytes) {
    return bytes > 1048576 ? `${(bytes / 1048576).toFixed(1)} MB` : `${Math.ceil(bytes / 1024)} KB`;
  }

  form.addEventListener("submit", async (event) => {
    const file = form.querySelector("input[type=file]").files[0];
    if (!file) return;
    event.preventDefault();
    const fields = new FormData(form);
    problem.hidden = true;
    state.hidden = false;
    button.disabled = true;
    const upload = new window.tus.Upload(file, {
      endpoint: form.dataset.tus,
      chunkSize: PORTION_BYTES,
      retryDelays: RETRY_MS,
      removeFingerprintOnSuccess: true,
      headers: { "X-CSRFToken": document.body.dataset.csrf },
      metadata: {
        filename: file.name,
        contract: fields.get("contract") ?? "",
        day: fields.get("day"),
        kind: fields.get("kind"),
      },
      onShouldRetry: (error) => !error.originalResponse || error.originalResponse.getStatus() >= 500,
      onProgress: (sent, total) => {
        bar.value = Math.round((100 * sent) / total);
        words.textContent = `已上传 ${size(sent)} / ${size(total)}`;
      },
      onError: (error) => tellProblem(reasonOf(error)),
      onSuccess: () => {
        const id = upload.url.match(/([0-9a-f-]{36})\/bytes$/)[1];
        location.assign(`${form.dataset.done}${id}/`);
      },
    });
    const begun = await upload.findPreviousUploads();
    const same = begun.find((each) => each.metadata.contract === (fields.get("contract") ?? "") && each.metadata.kind === fields.get("kind") && each.metadata.day === fields.get("day"));
    if (same) upload.resumeFromPreviousUpload(same);
    upload.start();
  });
})();
