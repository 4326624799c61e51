// The HTTP interface, as functions. A refusal is thrown as an error with the server's own words.

export class Refusal extends Error {
  constructor(finding, status) {
    super(finding ? [finding.message, finding.found, finding.help].filter(Boolean).join(" – ") : `HTTP ${status}`);
    this.status = status;
  }
}

async function call(method, path, message) {
  const request = message === undefined
    ? { method }
    : { method, body: JSON.stringify(message), headers: { "content-type": "application/json" } };
  const response = await fetch(`/api/${path}`, request);
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(answer.error, response.status);
  return answer;
}

export const about = () => call("GET", "server");
export const jobs = async () => (await call("GET", "jobs")).jobs;
export const job = (id) => call("GET", `jobs/${id}`);
export const dryRun = (request) => call("POST", "jobs", request);
export const run = (id, plan, confirm) => call("POST", `jobs/${id}/run`, { plan, confirm });
export const again = (id) => call("POST", `jobs/${id}/again`);
export const cancel = (id) => call("POST", `jobs/${id}/cancel`);
export const removeJob = (id) => call("DELETE", `jobs/${id}`);
export const upload = (id) => call("GET", `uploads/${id}`);
export const removeUpload = (id) => call("DELETE", `uploads/${id}`);
export const downloadOf = (id, what) => `/api/jobs/${id}/downloads/${what}`;

/** Send a file; `sent` hears how much has gone. Gives the upload, and a way to stop. */
export function send(file, name, sent) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("PUT", `/api/uploads?name=${encodeURIComponent(name)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => sent(event.loaded, event.total);
    request.onload = () => {
      if (request.status === 201) resolve(request.response);
      else reject(new Refusal(request.response?.error, request.status));
    };
    request.onerror = request.onabort = () => reject(new Refusal(null, 0));
    request.send(file);
  });
  return { done, stop: () => request.abort() };
}

/** Follow a job: after a break it resumes where it was. Gives a way to stop. */
export function follow(id, { stages, progress, end, lost, found }) {
  const source = new EventSource(`/api/jobs/${id}/events`);
  source.onopen = found;
  source.onerror = () => lost(source.readyState === EventSource.CLOSED);
  source.addEventListener("stages", (event) => stages(JSON.parse(event.data).stages));
  source.addEventListener("progress", (event) => progress(JSON.parse(event.data)));
  source.addEventListener("end", () => { source.close(); end(); });
  return () => source.close();
}
