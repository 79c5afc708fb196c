/* Onerow worker.js: keeps one page for the time without a connection. Pages with prices or stock are never kept. */
const KEPT = "offline-1";
const PAGES = ["/offline/", "/sr-cyrl/offline/", "/en/offline/"];

/* The page and the styles that it names, under the addresses of this release. */
const keep = async () => {
  const cache = await caches.open(KEPT);
  await cache.addAll(PAGES);
  const text = await (await cache.match(PAGES[0])).text();
  await cache.addAll([...text.matchAll(/href="([^"]+\.(?:css|svg))"/g)].map((found) => found[1]));
};
const forget = async () => {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)));
};
const offline = (url) => {
  const path = new URL(url).pathname;
  return caches.match(PAGES.find((page) => page !== PAGES[0] && path.startsWith(page.replace("offline/", ""))) || PAGES[0]);
};
/* Styles and the mark of the kept page only when the network does not answer. */
self.addEventListener("install", (event) => event.waitUntil(keep().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(forget().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => offline(request.url)));
  else if (request.destination === "style") event.respondWith(fetch(request).catch(async () => (await caches.match(request)) || Response.error()));
});
