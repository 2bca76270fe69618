// What the pages do beyond HTML: live updates with a pause, buttons that disable at once, keys. All of it can be missing.
"use strict";

(() => {
  const find = (selector) => document.querySelector(selector);
  find(".navigation [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  const STALE_MS = 10000, POLL_MS = 5000;

  // One stream a page. It closes while the tab is hidden, while paused, and while a row has the focus: rows never jump.
  const slot = find("#live");
  let heard = Date.now(), paused = false, held = false, poll = 0, source = null;

  const quiet = () => paused || held || document.hidden;

  function state(text, kind) {
    const shown = find("#live-state");
    if (!shown || shown.dataset.said === text) return;
    shown.dataset.said = text;
    shown.className = `live-state ${kind}`;
    shown.querySelector(".words").textContent = text;
    document.body.classList.toggle("is-stale", kind === "stale");
  }

  function open() {
    if (!slot || find("#live-stream") || quiet()) return;
    heard = Date.now();
    const url = slot.dataset.url;
    const node = document.createElement("div");
    node.id = "live-stream";
    node.setAttribute("hx-ext", "sse");
    node.setAttribute("sse-connect", url);
    node.setAttribute("sse-swap", "parts");
    node.setAttribute("hx-swap", "none");
    slot.replaceChildren(node);
    htmx.process(node);
  }

  function close() {
    clearInterval(poll);
    poll = 0;
    source = null;
    const node = find("#live-stream");
    if (!node) return;
    htmx.trigger(node, "htmx:beforeCleanupElement"); // ends the stream; htmx.remove takes but the element away
    htmx.remove(node);
  }

  function hear() {
    heard = Date.now();
    if (!quiet()) state(poll ? "asks every 5 s" : "live", poll ? "polling" : "live");
  }

  function startPolling() {
    if (poll || quiet()) return;
    const url = new URL(slot.dataset.url, location.href);
    url.searchParams.set("once", "1");
    poll = setInterval(() => htmx.ajax("GET", url.pathname + url.search, { target: "#live", swap: "none" }).catch(() => {}), POLL_MS);
    state("asks every 5 s", "polling");
  }

  if (slot) {
    document.body.addEventListener("htmx:sseOpen", (event) => {
      source = event.detail.source;
      source.addEventListener("beat", hear);
      source.addEventListener("full", () => { close(); startPolling(); });
      hear();
    });
    document.body.addEventListener("htmx:sseMessage", hear);
    // An answer that is no page, while Postgres or the API is away, tells nothing.
    document.body.addEventListener("htmx:afterRequest", (event) => { if (event.detail.target === slot && event.detail.successful) hear(); });
    document.body.addEventListener("htmx:sseError", () => { if (!source || source.readyState === 2) { close(); startPolling(); } });
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    document.addEventListener("focusin", (event) => hold(Boolean(event.target.closest("[data-holds]"))));
    document.addEventListener("focusout", (event) => { if (!event.relatedTarget) hold(false); });
    setInterval(() => {
      if (quiet() || Date.now() - heard < STALE_MS) return;
      if (!poll) close(), startPolling();
      const since = new Date(heard).toLocaleTimeString("en-GB", { timeZone: slot.dataset.zone, timeStyle: "short" });
      state(`not live since ${since}; asks every 5 s`, "stale");
    }, 1000);
    const button = find("#pause");
    button.hidden = false;
    button.addEventListener("click", () => pause(!paused));
    window.addEventListener("pagehide", close);
    open();
  }

  function pause(wanted) {
    paused = wanted;
    const button = find("#pause");
    button.textContent = paused ? "Resume" : "Pause";
    button.setAttribute("aria-pressed", String(paused));
    if (paused) close(), state("paused", "paused");
    else if (held) state("waits while you are in a row", "paused");
    else state("live", "live"), open();
  }

  function hold(wanted) {
    if (held === wanted) return;
    held = wanted;
    if (paused) return;
    if (wanted) close(), state("waits while you are in a row", "paused");
    else open();
  }

  // Rows never jump: a list that would push rows down by new ones waits behind a bar that says how many.
  const named = (row) => row.id || row.querySelector("a")?.getAttribute("href") || row.querySelector("th, strong")?.textContent;
  const rowsOf = (node) => [...node.querySelectorAll("[data-row]")].map(named);
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    const list = event.detail.target, fragment = event.detail.fragment;
    if (!list.hasAttribute("data-holds")) return;
    const shown = new Set(rowsOf(list)), rows = rowsOf(fragment);
    const above = rows.slice(0, Math.max(rows.findLastIndex((name) => shown.has(name)), 0));
    const fresh = above.filter((name) => !shown.has(name)).length;
    find(`[data-new-in="${list.id}"]`)?.remove();
    if (!fresh) return;
    event.detail.shouldSwap = false;
    const bar = Object.assign(document.createElement("button"), { type: "button", className: "new-rows", textContent: `${fresh} new` });
    bar.dataset.newIn = list.id;
    bar.setAttribute("aria-live", "polite");
    bar.addEventListener("click", () => {
      bar.remove();
      list.replaceChildren(...fragment.childNodes);
      htmx.process(list);
      list.querySelector("[data-row] :is(a, summary, button)")?.focus();
    });
    list.prepend(bar);
  });

  // A button disables at once; the browser's back button brings it back.
  document.addEventListener("submit", (event) => {
    if (event.target.hasAttribute("hx-post")) return;
    setTimeout(() => event.target.querySelectorAll("button").forEach((button) => { button.disabled = true; }), 0);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("button:disabled").forEach((button) => {
    if (!button.hasAttribute("data-off")) button.disabled = false;
  }));
  document.addEventListener("input", (event) => {
    const wanted = event.target.dataset.typed;
    if (wanted === undefined) return;
    event.target.form.querySelector("button").disabled = event.target.value.trim() !== wanted;
  });
  document.addEventListener("change", (event) => { if (event.target.hasAttribute("data-submits")) event.target.form.requestSubmit(); });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(find(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });

  // A toast with an undo stays for ten seconds.
  function toasted() {
    const toast = find(".toast");
    if (toast) setTimeout(() => toast.remove(), toast.classList.contains("bad") ? 30000 : 10000);
    return toast;
  }
  toasted();

  // A button's answer was put in place: the focus goes to what it said, and the page is live again.
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id !== "content") return;
    const toast = toasted();
    if (document.activeElement === document.body) (toast?.querySelector("button") ?? find("#main")).focus({ preventScroll: true });
    if (slot && held && !document.activeElement.closest("[data-holds]")) hold(false);
  });
  document.body.addEventListener("htmx:sendError", (event) => event.detail.elt.querySelectorAll?.("button").forEach((button) => { button.disabled = false; }));

  // The palette: ⌘K or Ctrl-K on every page; the arrows walk, enter goes to the first, or to where the focus is.
  const palette = find("#palette");
  palette?.addEventListener("keydown", (event) => {
    const ways = [...palette.querySelectorAll("#ways a")], at = ways.indexOf(document.activeElement);
    if (event.key === "Enter" && at < 0 && ways.length) { event.preventDefault(); ways[0].click(); }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const next = at + (event.key === "ArrowDown" ? 1 : -1);
    (ways[Math.min(next, ways.length - 1)] ?? find("#palette-text")).focus();
  });
  document.addEventListener("keydown", (event) => {
    if (!palette || event.key.toLowerCase() !== "k" || event.altKey || event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (palette.open) return palette.close();
    palette.showModal();
    find("#palette-text").select();
    htmx.trigger("#palette-text", "palette");
  });

  // Keys; they can be switched off on the page of keys.
  const ways = { n: "/", f: "/feeds", l: "/lag", d: "/dead-letters", u: "/usage", c: "/connect" };
  let went = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("keys") === "off") return;
    if (event.target.matches("input, select, textarea")) return;
    if (event.key === "/") { event.preventDefault(); find("#search")?.focus(); }
    else if (event.key === "p" && slot) pause(!paused);
    else if (event.key === "?") { const help = find("#keys"); if (help) help.open ? help.close() : help.showModal(); }
    else if (event.key === "g") went = Date.now();
    else if (Date.now() - went < 1000 && ways[event.key] && find(`.navigation a[href="${ways[event.key]}"]`)) location.href = ways[event.key];
    else if (event.key === "u") find(".toast form button")?.click();
    else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  });
  function step(by) {
    const first = (row) => row.querySelector("button.primary") || row.querySelector("a, summary, button");
    const rows = [...document.querySelectorAll("[data-row]")].filter(first);
    const at = rows.indexOf(document.activeElement.closest("[data-row]"));
    const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    if (next) first(next).focus();
  }
  const off = find("#keys-off");
  if (off) {
    off.checked = localStorage.getItem("keys") === "off";
    off.addEventListener("change", () => localStorage.setItem("keys", off.checked ? "off" : "on"));
  }

  // A vendor's link: what stands behind its # was sent to nobody; it is posted once, and taken out of the address.
  const door = find("#vendor-door");
  if (door && location.hash.length > 20) {
    door.elements.secret.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
    door.requestSubmit();
  }

  // A one-time link is used up by a post, which nobody sends who only looks at it: mail scanners, previews of chats.
  find("#sign-in-door")?.requestSubmit();

  // Dropping a file on its field.
  document.querySelectorAll(".drop").forEach((area) => {
    const input = area.querySelector("input[type=file]");
    for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
      area.addEventListener(name, (event) => {
        event.preventDefault();
        area.classList.toggle("over", over);
        if (name === "drop" && event.dataTransfer.files.length) input.files = event.dataTransfer.files;
      });
    }
  });
})();
