// Passkeys: making one, signing in with one, confirming a consent with one. Each page works without this file: its
// buttons stay hidden until it has found that the browser can do it, here.

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

function encode(buffer) {
  const text = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

const named = (list) => (list ?? []).map((one) => ({ ...one, id: decode(one.id) }));

function creation(options) {
  return {
    ...options,
    challenge: decode(options.challenge),
    user: { ...options.user, id: decode(options.user.id) },
    excludeCredentials: named(options.excludeCredentials),
  };
}

function request(options) {
  return { ...options, challenge: decode(options.challenge), allowCredentials: named(options.allowCredentials) };
}

const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

function answer(credential) {
  const response = {};
  for (const part of PARTS) {
    if (credential.response[part]) response[part] = encode(credential.response[part]);
  }
  return { id: credential.id, rawId: encode(credential.rawId), type: credential.type, response };
}

async function post(url, csrf, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (csrf) headers["X-CSRF-Token"] = csrf;
  if (crypto.randomUUID) headers["Idempotency-Key"] = crypto.randomUUID();
  const reply = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
  const document = await reply.json();
  if (!reply.ok) throw new Error(document.title ?? document.code);
  return document;
}

const ACTS = {
  async register(data) {
    const publicKey = creation(await post("/v1/passkeys/options", data.csrf, {}));
    const made = await navigator.credentials.create({ publicKey });
    await post("/v1/passkeys", data.csrf, { label: data.label, credential: answer(made) });
  },
  async signin() {
    const publicKey = request(await post("/v1/sessions/passkey/options", "", {}));
    const given = await navigator.credentials.get({ publicKey });
    await post("/v1/sessions/passkey", "", { credential: answer(given) });
  },
  async confirm(data) {
    const publicKey = request(await post(`/v1/drafts/${data.draft}/passkey`, data.csrf, {}));
    const given = await navigator.credentials.get({ publicKey });
    await post(`/v1/drafts/${data.draft}/binding`, data.csrf, { credential: answer(given) });
  },
};

export function offerPasskeys(root) {
  if (!window.PublicKeyCredential) return;
  for (const part of root.querySelectorAll("[data-passkey]")) {
    const { rp } = part.dataset;
    // A passkey belongs to a host name; under another one the browser would refuse.
    const here = location.hostname === rp || location.hostname.endsWith(`.${rp}`);
    const elsewhere = part.querySelector("[data-elsewhere]");
    if (!here) {
      if (elsewhere) elsewhere.hidden = false;
      continue;
    }
    const button = part.querySelector("button[data-act]");
    const told = part.querySelector("[role=alert]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      told.hidden = true;
      try {
        await ACTS[button.dataset.act](part.dataset);
        location.assign(part.dataset.next);
      } catch (error) {
        // What the browser itself says is in words of its own; a cancelled dialogue is no fault.
        told.querySelector("[data-told]").textContent = error instanceof DOMException ? part.dataset.failed : error.message;
        told.hidden = false;
        button.disabled = false;
      }
    });
  }
}
