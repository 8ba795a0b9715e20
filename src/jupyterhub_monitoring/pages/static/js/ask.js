// How a page asks the service: with the token that says that it is this page which asks.
const token = document.body.dataset.xsrf;

/** Like fetch. */
export function ask(address, { signal, method = "GET", body, accept = "application/json" } = {}) {
  const headers = { Accept: accept };
  if (token) headers["X-XSRFToken"] = token;
  return fetch(address, { signal, method, body, headers });
}

/**
 * Fetch a page of ours as a document; null where the login is over: a page that is opened again
 * leads to the Hub's form, or says what is not allowed any more.
 */
export async function askPage(address, signal) {
  const answer = await ask(address, { signal, accept: "text/html" });
  const left = answer.redirected && !new URL(answer.url).pathname.startsWith(document.body.dataset.prefix);
  if (left || answer.status === 401 || answer.status === 403) {
    location.reload();
    return null;
  }
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}
