/** The phone page. */
import { mount } from "svelte";
import Phone from "./phone/Phone.svelte";

mount(Phone, { target: document.getElementById("page")! });
