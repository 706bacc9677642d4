// The package has no types of its own.
declare module "ws" {
  export const WebSocket: new (url: string, protocol: string) => globalThis.WebSocket;
}
