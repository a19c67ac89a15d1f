// @ts-check
/** A browser that runs scripts but knows no modules is led to the page that needs none. */

location.replace("?plain=1");
