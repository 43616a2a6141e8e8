/** The dispatch console's page. */
import { mount } from "svelte";
import Console from "./desk/Console.svelte";

mount(Console, { target: document.getElementById("page")! });
