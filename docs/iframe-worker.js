// SPDX-License-Identifier: Apache-2.0
// Search runs in a worker, which browsers refuse to pages that were opened as files. There a hidden frame runs the same script.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    #ready;

    constructor(url) {
      super();
      this.#ready = new Promise((resolve, reject) => {
        const start = () => {
          const frame = document.createElement("iframe");
          frame.hidden = true;
          document.body.append(frame);
          const inside = frame.contentWindow;
          inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          const script = inside.document.createElement("script");
          script.src = url;
          script.onload = () => resolve(inside);
          script.onerror = reject;
          inside.document.body.append(script);
        };
        if (document.body) start();
        else document.addEventListener("DOMContentLoaded", start);
      });
    }

    postMessage(data) {
      this.#ready.then((inside) => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
    }
  };
}
