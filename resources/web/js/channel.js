// @ts-check
/** The line to the program: one object, whose signals the page hears and whose slots it calls. */

/**
 * @typedef {{connect: (heard: (...values: any[]) => void) => void}} Signal
 * @typedef {Record<string, any>} Bridge
 */

/** @returns {Promise<Bridge>} */
export function openChannel() {
  return new Promise((resolve) => {
    new window.QWebChannel(window.qt.webChannelTransport, (channel) => resolve(channel.objects.bridge));
  });
}
