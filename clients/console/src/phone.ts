/** The phone page. */
import { mount } from "svelte";
import "./look/base.css";
import { keptTheme, setTheme } from "./look/theme";
import Phone from "./phone/Phone.svelte";

setTheme(keptTheme(localStorage), document.documentElement, localStorage);
mount(Phone, { target: document.getElementById("page")! });

// Installed, the page opens at once and without a network. Where the browser lets no worker be, the radio works without.
// Its scope is everything, since the page's own workers are found below /assets.
void navigator.serviceWorker?.register("/phone_worker.js").catch(() => undefined);
