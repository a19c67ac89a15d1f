// @ts-check
/** Who moves the map: auto-fit follows the city until the operator moves it; then it stays where it was put. */

const PAN_S = 0.2;
const CLOSE_ZOOM = 16;

export class View {
  /** @param {any} map @param {(locked: boolean) => void} onLock */
  constructor(map, onLock) {
    this._map = map;
    this._onLock = onLock;
    /** @type {[[number, number], [number, number]] | null} */
    this._city = null;
    this._calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.locked = false;
  }

  /** @param {number} west @param {number} south @param {number} east @param {number} north */
  setCity(west, south, east, north) {
    this._city = [[south, west], [north, east]];
    if (!this.locked) this.home();
  }

  /** The panel has another size. */
  onResize() {
    if (!this.locked) this.home();
  }

  /** @param {boolean} locked */
  setLocked(locked) {
    if (locked !== this.locked) {
      this.locked = locked;
      this._onLock(locked);
    }
    if (!locked) this.home();
  }

  /** The operator moved the map. */
  gesture() {
    this.setLocked(true);
  }

  home() {
    if (this._city) this._map.fitBounds(this._city, { animate: false });
  }

  /** @param {number} lat @param {number} lon @param {number} zoom 0 keeps it */
  goTo(lat, lon, zoom) {
    this.gesture();
    if (zoom) this._map.setView([lat, lon], zoom, { animate: false });
    else this._map.panTo([lat, lon], { animate: !this._calm, duration: PAN_S });
  }

  /** @param {number} west @param {number} south @param {number} east @param {number} north */
  fit(west, south, east, north) {
    this.gesture();
    this._map.fitBounds([[south, west], [north, east]], { animate: false, maxZoom: CLOSE_ZOOM });
  }

  /** @param {number} dx @param {number} dy in parts of the view */
  pan(dx, dy) {
    this.gesture();
    const size = this._map.getSize();
    this._map.panBy([dx * size.x, dy * size.y], { animate: false });
  }

  /** @param {number} steps */
  zoom(steps) {
    this.gesture();
    this._map.setZoom(this._map.getZoom() + steps, { animate: false });
  }
}
