/* Says once that a person opened a campaign's page: what only fetches the page runs no script and is not counted. */
(() => {
  "use strict";
  const url = document.currentScript && document.currentScript.dataset.visit;
  if (url && navigator.sendBeacon) navigator.sendBeacon(url);
})();
