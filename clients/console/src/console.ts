/** The dispatch console's page. */
import { mount } from "svelte";
import "./look/base.css";
import { keptTheme, setTheme } from "./look/theme";
import Console from "./desk/Console.svelte";

setTheme(keptTheme(localStorage), document.documentElement, localStorage);
mount(Console, { target: document.getElementById("page")! });
