/* Onerow scan.js: the handheld's field is always ready, each result sounds, the same scan twice within a second counts once. */
(() => {
  "use strict";
  const field = () => document.querySelector("[data-scan] input[name=code]");
  const ready = () => {
    const input = field();
    const busy = document.activeElement && document.activeElement.closest("input:not([name=code]), select, textarea, [popover]");
    if (input && !busy) input.focus({ preventScroll: true });
  };
  document.addEventListener("click", () => setTimeout(ready, 0));
  window.addEventListener("focus", ready);
  document.addEventListener("visibilitychange", ready);

  /* A trigger held too long sends the same code twice. The second one is dropped here; the server has its own guard. */
  let code = "";
  let at = 0;
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-scan]")) return;
    const input = event.target.querySelector("input[name=code]");
    const value = input.value.trim();
    const now = Date.now();
    const again = value === code && now - at < 1000;
    if (!value || again) {
      event.preventDefault();
      event.stopImmediatePropagation();
      input.value = "";
      return;
    }
    code = value;
    at = now;
    input.value = value;
  }, true);

  const TONES = { good: [[880, 80, 0]], wrong: [[220, 180, 0], [220, 180, 240]], repeat: [[440, 90, 0], [440, 90, 150]] };
  let audio = null;
  const sound = (kind) => {
    if ("mute" in document.body.dataset || !TONES[kind]) return;
    if (kind === "wrong" && navigator.vibrate) navigator.vibrate([180, 60, 180]);
    const Context = window.AudioContext || window.webkitAudioContext;
    if (!Context) return;
    audio = audio || new Context();
    TONES[kind].forEach(([pitch, length, delay]) => {
      const tone = audio.createOscillator();
      const level = audio.createGain();
      const start = audio.currentTime + delay / 1000;
      tone.frequency.value = pitch;
      tone.type = kind === "good" ? "sine" : "square";
      level.gain.setValueAtTime(0.2, start);
      level.gain.exponentialRampToValueAtTime(0.001, start + length / 1000);
      tone.connect(level).connect(audio.destination);
      tone.start(start);
      tone.stop(start + length / 1000);
    });
  };
  const heard = () => {
    const result = document.querySelector("[data-sound]");
    if (result) sound(result.dataset.sound);
    ready();
  };
  document.body.addEventListener("htmx:afterSettle", heard);
  document.body.addEventListener("htmx:responseError", () => { sound("wrong"); ready(); });
  heard();
})();
