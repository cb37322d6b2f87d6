/** A server of the user's own, in another container of the pod. */
export interface OwnServer {
  port: number;
  /** Path that gets the requests of /score. */
  path: string;
  /** Path whose GET has a status of 2xx or 3xx as soon as the server can take requests. */
  readinessPath: string;
}
