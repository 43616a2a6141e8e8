/** The phone page. */
import { mount } from "svelte";
import "./look/base.css";
import { keptTheme, setTheme } from "./look/theme";
import Phone from "./phone/Phone.svelte";

setTheme(keptTheme(localStorage), document.documentElement, localStorage);
mount(Phone, { target: document.getElementById("page")! });
