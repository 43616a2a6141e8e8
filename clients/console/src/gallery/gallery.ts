/** For development: every component and page with fixtures. `gallery.html#NAME` shows one, alone on the page. */
import { mount } from "svelte";
import "../look/base.css";
import { keptTheme, setTheme } from "../look/theme";
import Gallery from "./Gallery.svelte";

setTheme(keptTheme(localStorage), document.documentElement, localStorage);
mount(Gallery, { target: document.getElementById("page")! });
