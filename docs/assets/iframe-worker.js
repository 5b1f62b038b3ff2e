// A page that is read from the disk may start no worker, and the search is one: there it runs in a
// hidden frame. (The theme asks by the name IFrameWorker whether that is so.)
if (location.protocol === "file:") {
  window.IFrameWorker = window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.body.appendChild(document.createElement("iframe"));
      frame.hidden = true;
      this.frame = frame;
      const inside = frame.contentWindow;
      const load = (source) => new Promise((done, failed) => {
        const script = inside.document.createElement("script");
        Object.assign(script, {src: source, onload: done, onerror: failed});
        inside.document.body.append(script);
      });
      inside.importScripts = async (...sources) => {
        for (const source of sources) await load(source);
      };
      // Later, as from a worker: nobody is called while he is calling.
      inside.postMessage = (data) => setTimeout(() => {
        const event = new MessageEvent("message", {data});
        this.dispatchEvent(event);
        this.onmessage?.(event);
      });
      this.ready = load(address);
    }

    postMessage(data) {
      const inside = this.frame.contentWindow;
      const event = new inside.MessageEvent("message", {data});
      this.ready.then(() => setTimeout(() => inside.dispatchEvent(event)));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
