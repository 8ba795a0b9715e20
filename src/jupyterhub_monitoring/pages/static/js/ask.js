// How a page asks the service: with the token that says that it is this page which asks.
const token = document.body.dataset.xsrf;

/** Like fetch. */
export function ask(address, { signal, method = "GET", body, accept = "application/json" } = {}) {
  const headers = { Accept: accept };
  if (token) headers["X-XSRFToken"] = token;
  return fetch(address, { signal, method, body, headers });
}

/** The service knows no login of ours any more, or the Hub cannot look it up now. */
export class Refused extends Error {}

/** Fetch a page of ours as a document; null where the login is over and the Hub asks for a new one. */
export async function askPage(address, signal) {
  const answer = await ask(address, { signal, accept: "text/html" });
  const left = answer.redirected && !new URL(answer.url).pathname.startsWith(document.body.dataset.prefix);
  if (answer.status === 403) throw new Refused();
  if (left || answer.status === 401) {
    location.reload();
    return null;
  }
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}
