// Says in a sentence what keeps the page from starting, in a script that even the oldest browser can run.
(function () {
  var WAY_OUT = "Run python -m speech.page, and open the address that it prints.";
  var started = false;

  /** Called once the page's modules are loaded; false if the page cannot continue. */
  window.pageStarted = function () {
    started = !tooOld;
    return started;
  };

  function tell(sentence) {
    if (started) return;
    var status = document.getElementById("status");
    if (!status) {
      document.addEventListener("DOMContentLoaded", function () {
        tell(sentence);
      });
      return;
    }
    status.className = "problem";
    status.textContent = sentence;
  }

  /** Tests for SIMD, which onnxruntime-web's program needs: a function that returns a vector's first number. */
  function hasSimd() {
    return WebAssembly.validate(
      new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11])
    );
  }

  var tooOld =
    !("noModule" in document.createElement("script")) ||
    typeof WebAssembly === "undefined" ||
    typeof BigInt64Array === "undefined" ||
    !Array.prototype.at ||
    !String.prototype.replaceAll ||
    !hasSimd();

  var sandboxed = window.origin === "null" && location.protocol !== "file:";

  if (location.protocol === "file:") tell("A page that is opened as a file cannot load its programs. " + WAY_OUT);
  else if (sandboxed)
    tell("A frame with a sandbox keeps this page from its files: add allow-same-origin to it, or open " + location.href + " by itself.");
  else if (tooOld) tell("This browser is too old for the page: it needs Chrome 92, Firefox 90, Safari 16.4 or later.");

  window.addEventListener(
    "error",
    function (event) {
      if (location.protocol === "file:" || sandboxed || tooOld) return;
      if (event.target && event.target.tagName === "SCRIPT") askWhy();
      else if (event.message) tell("The page could not start (" + event.message + "): update the browser, or: " + WAY_OUT);
    },
    true
  );

  /** Ask the server why a script was not loaded. */
  function askWhy() {
    fetch("app.js").then(
      function (response) {
        var type = response.headers.get("Content-Type");
        if (!response.ok) tell("app.js is missing (" + response.status + "): serve the whole folder that “make page” writes.");
        else if (!/javascript/.test(type))
          tell("The server sends app.js as “" + type + "”, which no browser runs: let it send .js as text/javascript. Or: " + WAY_OUT);
        else tell("A file of the page is missing, or is sent as another type than text/javascript: serve the whole folder that “make page” writes.");
      },
      function () {
        tell("The server no longer answers. " + WAY_OUT);
      }
    );
  }
})();
