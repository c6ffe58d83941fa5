"use strict";
// Asks for the page again and changes what differs. Only what is in <main> is parsed; all text in it was escaped by the
// server, and a parsed page is inert.
(() => {
  const pulse = document.getElementById("pulse");
  const kept = ["class", "datetime", "title", "value", "max"];
  const sync = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const name of kept) {
      const value = fresh.getAttribute(name);
      if (value !== null && value !== old.getAttribute(name)) old.setAttribute(name, value);
    }
    const before = [...old.childNodes];
    const after = [...fresh.childNodes];
    if (before.length !== after.length) {
      old.replaceChildren(...after.map((node) => document.importNode(node, true)));
      return;
    }
    before.forEach((node, at) => sync(node, after[at]));
  };
  const look = async () => {
    try {
      const answer = await fetch(location.pathname, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      const live = text.slice(text.indexOf("<main"), text.indexOf("</main>"));
      const fresh = new DOMParser().parseFromString(live, "text/html").getElementById("live");
      sync(document.getElementById("live"), fresh);
      document.title = fresh.dataset.title;
      document.body.classList.remove("stale");
      if (pulse.textContent !== "Live.") pulse.textContent = "Live.";
    } catch {
      document.body.classList.add("stale");
      const words = "The relay does not answer. What you see is old.";
      if (pulse.textContent !== words) pulse.textContent = words;
    }
  };
  const rest = () => setTimeout(async () => {
    if (!document.hidden) await look();
    rest();
  }, 2000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  rest();
})();
