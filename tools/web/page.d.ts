/** What the pages' plain scripts and the program's web view put into `window`; the public pages look whether L is there. */

import type { Geometry } from "geojson";
import type * as Leaflet from "leaflet";

declare global {
  interface Window {
    readonly L: typeof Leaflet;
    readonly QWebChannel: new (transport: unknown, ready: (channel: { objects: { bridge: Record<string, any> } }) => void) => unknown;
    readonly qt: { webChannelTransport: unknown };
  }
}

declare module "leaflet" {
  interface GeoJSONOptions<P, G extends Geometry> {
    renderer?: Leaflet.Renderer; // its options reach the lines that it makes (GeoJSON.geometryToLayer)
  }
}
