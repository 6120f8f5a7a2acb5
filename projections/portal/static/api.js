/** The public API as any client calls it; what it refuses becomes a Problem. */

import { has, text } from "./texts.js";

/** A refusal: a sentence for people, the errors of single fields, and whether trying again makes sense. */
export class Problem extends Error {
  constructor(sentence, { errors = [], slug = "", status = 0 } = {}) {
    super(sentence);
    this.slug = slug;
    this.errors = errors;
    this.status = status;
    this.passing = status === 0 || status === 503 || status === 429;
  }
}

/** The answer to a GET of `path`. */
export function read(path) {
  return call("GET", path, {});
}

/** Sends a command. `key` makes it safe to send again; `version` is the one that the viewer edited. */
export function send(method, path, body, { key, version } = {}) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers["Idempotency-Key"] = key;
  if (version) headers["If-Match"] = `"${version}"`;
  return call(method, path, { headers, body: JSON.stringify(body) });
}

/** The file at `path` as a Blob. */
export async function file(path) {
  const response = await reach(path);
  if (response.ok) return response.blob();
  throw refusal(response, await bodyOf(response));
}

async function call(method, path, options) {
  const headers = { Accept: "application/json", ...options.headers };
  const response = await reach(path, { ...options, method, headers });
  const answer = await bodyOf(response);
  if (response.ok) return answer;
  throw refusal(response, answer);
}

function reach(path, options = {}) {
  return fetch(path, options).catch(() => {
    throw new Problem(text("unreachable"));
  });
}

function bodyOf(response) {
  return response.json().catch(() => ({}));
}

function refusal(response, answer) {
  const slug = String(answer.type ?? "").split("/").at(-1);
  const sentence = has(`problems.${slug}`) ? text(`problems.${slug}`) : answer.detail || text("problems.unexpected");
  return new Problem(sentence, { errors: answer.errors ?? [], slug, status: response.status });
}
