/** What a node is started with, as JSON. */
export interface RelayNodeSettings {
  /** As in docs/configuration.md. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
}

/** What a node's process says of itself. */
export interface RelayNodeReady {
  readonly url: string;
}
