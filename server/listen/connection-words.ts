/** What a person is told of a connection that did not come about, or broke, by the code of the system's error (errno(3)). */
export const connectionWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody answers there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'no connection came about in time',
  EHOSTUNREACH: 'there is no way there',
  ENETUNREACH: 'there is no way there',
  ENOTFOUND: 'its name is not known here',
  EAI_AGAIN: 'its name is not known here',
}
