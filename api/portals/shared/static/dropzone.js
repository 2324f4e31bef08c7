// A plain file input that also takes a dropped file and names what was chosen.

// More names would push the button that sends them out of sight.
const MOST_SHOWN = 12;

function sizeInWords(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let step = 0;
  while (bytes >= 1024 && step < units.length - 1) {
    bytes /= 1024;
    step += 1;
  }
  return `${step === 0 ? bytes : bytes.toFixed(1)} ${units[step]}`;
}

function show(input, list) {
  const chosen = Array.from(input.files);
  const shown = chosen.length > MOST_SHOWN ? chosen.slice(0, MOST_SHOWN) : chosen;
  list.replaceChildren(
    ...shown.map((file) => {
      const line = document.createElement("li");
      const name = document.createElement("span");
      const size = document.createElement("span");
      name.textContent = file.name;
      size.textContent = sizeInWords(file.size);
      line.append(name, size);
      return line;
    }),
  );
  if (shown.length < chosen.length) {
    const more = document.createElement("li");
    more.textContent = `+ ${chosen.length - shown.length}`;
    list.append(more);
  }
}

export function listChosenFiles(root) {
  for (const zone of root.querySelectorAll("[data-drop]")) {
    const input = zone.querySelector("input[type=file]");
    const list = zone.querySelector("[data-chosen]");
    input.addEventListener("change", () => show(input, list));
    for (const name of ["dragenter", "dragover"]) {
      zone.addEventListener(name, (event) => {
        event.preventDefault();
        zone.classList.add("over");
      });
    }
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      const files = event.dataTransfer.files;
      if (files.length === 0 || (files.length > 1 && !input.multiple)) return;
      input.files = files;
      show(input, list);
    });
  }
}
