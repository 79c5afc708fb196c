/* Onerow front.js: shortens the way, never makes it; every control works without it. No inline handlers, no eval. */
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const typing = (target) => target.closest && target.closest("input:not(.check), textarea, select, [contenteditable]");
  const say = (words) => {
    const region = one("[data-say]:not(time)");
    if (region) region.textContent = words;
  };

  /* Held stock: the server says how many seconds are left, so a wrong clock on the phone does no harm. */
  const started = Date.now();
  const spoken = new Map();
  const plural = new Intl.PluralRules(document.documentElement.lang || "en");
  const tick = () => all("time[data-left]").forEach((time) => {
    if (!time.dataset.born) time.dataset.born = String(Date.now() - started < 2000 ? started : Date.now());
    const left = Number(time.dataset.left) - (Date.now() - Number(time.dataset.born)) / 1000;
    const minutes = Math.max(0, Math.ceil(left / 60));
    const form = plural.select(minutes);
    const words = minutes ? (time.dataset[form] || time.dataset.other).replace("{n}", minutes) : time.dataset.over;
    if (time.textContent !== words) time.textContent = words;
    const before = spoken.get(time);
    spoken.set(time, minutes);
    if (before === undefined || before === minutes) return;
    if (minutes === 5 || minutes === 1) say(time.dataset.say.replace("{t}", words));
    if (minutes === 0) {
      say(time.dataset.sayOver);
      document.body.dispatchEvent(new CustomEvent("hold-over"));
    }
  });
  if (one("time[data-left]")) tick();
  setInterval(tick, 1000);

  /* Theme: the cookie is for the server's next page, the attribute for this one. */
  const remember = (name, value) => {
    document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax${location.protocol === "https:" ? ";secure" : ""}`;
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-theme-form]") || !event.submitter) return;
    event.preventDefault();
    const value = event.submitter.value;
    remember("theme", value);
    if (value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
    all("button", form).forEach((button) => button.setAttribute("aria-pressed", String(button === event.submitter)));
  });

  /* Toasts go after eight seconds, stay while pointed at or focused. */
  const region = one(".toasts");
  const live = (toast) => {
    let timer = 0;
    const leave = () => { timer = setTimeout(() => toast.remove(), 8000); };
    const stay = () => clearTimeout(timer);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button button-small";
    close.textContent = region.dataset.close;
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    ["pointerenter", "focusin"].forEach((name) => toast.addEventListener(name, stay));
    ["pointerleave", "focusout"].forEach((name) => toast.addEventListener(name, leave));
    leave();
  };
  if (region) {
    all(".toast", region).forEach(live);
    document.body.addEventListener("toast", (event) => {
      const toast = document.createElement("div");
      toast.className = "toast";
      const words = document.createElement("p");
      words.textContent = event.detail.text;
      toast.append(words);
      if (event.detail.undo) {
        const undo = document.createElement("button");
        undo.type = "button";
        undo.className = "button button-small";
        undo.textContent = region.dataset.undo;
        undo.setAttribute("hx-post", event.detail.undo);
        undo.setAttribute("hx-target", "body");
        toast.append(undo);
        if (window.htmx) window.htmx.process(undo);
      }
      region.append(toast);
      live(toast);
    });
  }

  /* A refused form: the box of errors takes focus; an error link goes to its control. */
  const focusErrors = (root) => { const box = one(".errors", root); if (box) box.focus(); };
  focusErrors(document);
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".errors a[href^='#']");
    const control = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!control) return;
    event.preventDefault();
    control.focus();
    control.scrollIntoView({ block: "center" });
  });
  /* What was wrong is right again: the red goes at once, the words go when the server agrees. */
  document.addEventListener("input", (event) => {
    const control = event.target;
    if (control.getAttribute("aria-invalid") === "true" && control.checkValidity() && control.value.trim()) control.removeAttribute("aria-invalid");
  });

  /* How far a visit came is counted by the shop itself (storefront/views/funnel.py). */
  const step = one("[data-seen]");
  if (step && navigator.sendBeacon) {
    const told = new FormData();
    told.append("step", step.dataset.seen);
    told.append("sku", step.dataset.seenSku || "");
    told.append("csrfmiddlewaretoken", JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "");
    addEventListener("load", () => navigator.sendBeacon(step.dataset.seenAt, told));
  }

  /* The shop keeps one page for the time without a connection (worker.js), nothing else. */
  if (document.querySelector('link[rel="manifest"]') && "serviceWorker" in navigator) {
    addEventListener("load", () => navigator.serviceWorker.register("/worker.js").catch(() => {}));
  }

  /* Several pictures lie in a row that scrolls by itself; a small one leads to its large one without moving the page, and says which is in view. */
  const show = (spot, behavior) => spot && spot.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : behavior, block: "nearest", inline: "center" });
  const picture = (small) => document.getElementById(small.hash.slice(1));
  const row = one(".thumbs") && one(".pictures");
  if (row && "IntersectionObserver" in window) {
    const watch = new IntersectionObserver((seen) => seen.forEach((entry) => {
      const small = all(".thumbs a").find((link) => picture(link) === entry.target);
      if (entry.isIntersecting) small.setAttribute("aria-current", "true");
      else small.removeAttribute("aria-current");
    }), { root: row, threshold: .6 });
    all("li", row).forEach((spot) => watch.observe(spot));
  }

  /* A picture opens over the page; without script its link opens the picture. Escape closes, the focus goes back. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-zoom]");
    const over = link && document.getElementById(link.dataset.zoom);
    if (over && over.showModal && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      over.showModal();
      show(document.getElementById(link.dataset.zoomTo), "auto");
    }
    const small = event.target.closest(".thumbs a");
    if (small && picture(small)) {
      event.preventDefault();
      show(picture(small), "smooth");
    }
    if (event.target.matches("dialog.zoomed")) event.target.close();
    const larger = event.target.closest("[data-larger]");
    if (larger) larger.setAttribute("aria-pressed", String(larger.getAttribute("aria-pressed") !== "true"));
  });

  /* Selecting all rows, forms that go by themselves, copy buttons. */
  document.addEventListener("change", (event) => {
    const control = event.target;
    if (control.matches("[data-check-all]")) {
      all("tbody .check", control.closest("table")).forEach((box) => { box.checked = control.checked; });
    }
    if (control.matches(".check, [data-check-all]")) count();
    if (control.closest("form[data-auto]") && !control.matches("[type=search], [type=text]")) control.form.requestSubmit();
  });
  const count = () => all("[data-chosen]").forEach((bar) => {
    const chosen = all("tbody .check:checked").length;
    bar.hidden = !chosen;
    all("[data-count]", bar).forEach((spot) => { spot.textContent = String(chosen); });
  });
  count();
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy && navigator.clipboard) navigator.clipboard.writeText(copy.dataset.copy).then(() => say(copy.dataset.copied || copy.dataset.copy));
    const step = event.target.closest("[data-step]");
    const field = step && one("input", step.parentElement);
    if (field) {
      event.preventDefault();
      const value = Number(field.value || 0) + Number(step.dataset.step);
      field.value = String(Math.min(Number(field.max || 1e6), Math.max(Number(field.min || 0), value)));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });

  /* Rows: j, k, x, Enter; `data-key` gives any link or button a key. Off when the person turned single keys off. */
  const rows = () => all("main table tbody tr").filter((row) => one("a.key", row) && row.offsetParent);
  const here = () => rows().findIndex((row) => row.classList.contains("is-here"));
  const go = (step) => {
    const list = rows();
    const from = here();
    const next = list[Math.min(list.length - 1, Math.max(0, from < 0 ? 0 : from + step))];
    if (!next) return;
    if (from >= 0) list[from].classList.remove("is-here");
    next.classList.add("is-here");
    one("a.key", next).focus();
  };
  const pressed = (key) => all("[data-key]").find((item) => item.dataset.key === key && item.offsetParent);
  let burst = "";
  let last = 0;
  document.addEventListener("keydown", (event) => {
    const chord = event.ctrlKey || event.metaKey;
    const palette = document.getElementById("palette");
    if (chord && event.key.toLowerCase() === "k" && palette) {
      event.preventDefault();
      palette.showPopover();
      one("input", palette).focus();
      return;
    }
    if (chord && event.key === "Enter") {
      const item = pressed("ctrl+enter");
      if (item) { event.preventDefault(); item.click(); }
      return;
    }
    if (chord || event.altKey || typing(event.target) || !("keys" in document.body.dataset)) return;
    /* A hardware scanner types faster than any hand: a scan anywhere opens the record. */
    const now = performance.now();
    const before = burst;
    burst = now - last < 40 && !event.repeat ? burst : "";
    last = now;
    if (event.key.length === 1) burst += event.key;
    if (event.key === "Enter" && before.length >= 6 && burst === before && document.body.dataset.find) {
      event.preventDefault();
      location.assign(`${document.body.dataset.find}?go=1&q=${encodeURIComponent(before)}`);
      return;
    }
    if (burst.length > 1) return;
    const row = rows()[here()];
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if (event.key === "x" && row && one(".check", row)) one(".check", row).click();
    else if (event.key === "Enter" && row && event.target === document.body) one("a.key", row).click();
    else if (event.key === "?" && document.getElementById("keys")) document.getElementById("keys").showPopover();
    else {
      const item = pressed(event.key);
      if (!item) return;
      event.preventDefault();
      item.click();
    }
  });

  /* Palette: focus stays in the field, arrows move the chosen option, Enter opens it. */
  const palette = document.getElementById("palette");
  if (palette) {
    const input = one("input", palette);
    const options = () => all("[role=option]", palette);
    const choose = (index) => {
      const list = options();
      list.forEach((option, n) => option.setAttribute("aria-selected", String(n === index)));
      if (list[index]) {
        input.setAttribute("aria-activedescendant", list[index].id);
        list[index].scrollIntoView({ block: "nearest" });
      } else input.removeAttribute("aria-activedescendant");
    };
    const chosen = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");
    input.addEventListener("keydown", (event) => {
      const many = options().length;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (many) choose((chosen() + (event.key === "ArrowDown" ? 1 : many - 1) + (chosen() < 0 && event.key === "ArrowUp" ? 1 : 0)) % many);
      } else if (event.key === "Escape") {
        event.preventDefault();  // a search field would only empty itself
        palette.hidePopover();
      } else if (event.key === "Enter" && many) {
        event.preventDefault();
        options()[Math.max(0, chosen())].click();
      }
    });
    let kept = "";
    palette.addEventListener("htmx:beforeSwap", () => { const at = chosen(); kept = at < 0 ? "" : options()[at].getAttribute("href"); });
    palette.addEventListener("htmx:afterSwap", () => {
      const at = options().findIndex((option) => option.getAttribute("href") === kept);
      choose(options().length ? Math.max(0, at) : -1);
    });
    palette.addEventListener("toggle", (event) => { if (event.newState === "open") { input.focus(); input.select(); } });
  }

  /* The search field of the shop: with script a combobox over links, without it a plain form. */
  const find = one("form[data-find]");
  if (find && find.dataset.find) {
    const field = one("input[type=search]", find);
    const list = one("[role=listbox]", find);
    const options = () => all("[role=option]", list);
    const at = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");
    let timer = 0;
    let asked = "";
    const choose = (index) => {
      options().forEach((option, n) => option.setAttribute("aria-selected", String(n === index)));
      const chosen = options()[index];
      if (chosen) { field.setAttribute("aria-activedescendant", chosen.id); chosen.scrollIntoView({ block: "nearest" }); }
      else field.removeAttribute("aria-activedescendant");
    };
    const open = (is) => {
      list.hidden = !is;
      field.setAttribute("aria-expanded", String(is));
      if (!is) choose(-1);
    };
    Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false" })
      .forEach(([name, value]) => field.setAttribute(name, value));
    const ask = async () => {
      const words = field.value.trim();
      if (words === asked) return;
      asked = words;
      if (words.length < 2) { open(false); return; }
      try {
        const answer = await fetch(`${find.dataset.find}?q=${encodeURIComponent(words)}`, { headers: { "X-Requested-With": "fetch" } });
        if (!answer.ok || words !== asked) return;
        list.innerHTML = await answer.text();
        open(options().length > 0 && document.activeElement === field);
        const said = one("[data-said]", list);
        say(said ? said.textContent : "");
      } catch { open(false); }  // without a connection the form still goes
    };
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 150); });
    field.addEventListener("keydown", (event) => {
      const many = options().length;
      if ((event.key === "ArrowDown" || event.key === "ArrowUp") && many) {
        event.preventDefault();
        if (list.hidden) open(true);
        const step = event.key === "ArrowDown" ? 1 : -1;
        const next = at() < 0 && step < 0 ? many - 1 : at() + step;
        choose(next >= many || next < 0 ? -1 : next);
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault();
        open(false);
      } else if (event.key === "Enter" && at() >= 0 && !list.hidden) {
        event.preventDefault();
        options()[at()].click();
      }
    });
    list.addEventListener("mousedown", (event) => event.preventDefault());  // the field keeps its focus
    field.addEventListener("blur", () => open(false));
  }

  /* The pressed button keeps its width and turns a ring while the answer is on its way. */
  const pressedButton = (event) => {
    const cause = event.detail.requestConfig && event.detail.requestConfig.triggeringEvent;
    const item = (cause && cause.submitter) || event.detail.elt;
    return item.matches && item.matches(".button") ? item : null;
  };
  document.body.addEventListener("htmx:beforeSend", (event) => { const item = pressedButton(event); if (item) item.classList.add("htmx-request"); });
  document.body.addEventListener("htmx:afterRequest", (event) => { const item = pressedButton(event); if (item) item.classList.remove("htmx-request"); });

  document.body.addEventListener("htmx:afterSwap", (event) => { tick(); count(); focusErrors(event.detail.target || document); });
})();
