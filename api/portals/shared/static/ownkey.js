// Keys of the holder's own, where the browser has a provider for them (EIP-1193): asks it for a key's public address, and
// for a signature over exactly the data that stand on the page. Nothing is sent from here: what comes back is put into
// the form, for the holder to look at and send. Without a provider the buttons stay hidden and pasting does the same.

const ACTS = {
  async address(provider) {
    const [first] = await provider.request({ method: "eth_requestAccounts" });
    return first;
  },
  async sign(provider, part) {
    const data = document.getElementById(part.dataset.data).textContent;
    await provider.request({ method: "eth_requestAccounts" });
    return provider.request({ method: "eth_signTypedData_v4", params: [part.dataset.key, data] });
  },
};

export function offerOwnKeys(root) {
  const provider = window.ethereum;
  if (!provider?.request) return;
  for (const part of root.querySelectorAll("[data-ownkey]")) {
    const button = part.querySelector("button");
    const told = part.querySelector("[role=alert]");
    const field = document.getElementById(part.dataset.into);
    if (!field) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      told.hidden = true;
      try {
        field.value = await ACTS[part.dataset.ownkey](provider, part);
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.focus();
      } catch (error) {
        // 4001 is the holder's own no; whatever else the software says is shown in its words.
        const said = error?.code === 4001 ? "" : String(error?.message ?? "");
        told.querySelector("[data-told]").textContent = part.dataset.failed + (said ? ` (${said})` : "");
        told.hidden = false;
      }
      button.disabled = false;
    });
  }
}
