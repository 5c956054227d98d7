import "@xterm/xterm/css/xterm.css";
import "./styles/lab.css";
import { Lab } from "./lab";
import { Remote } from "./remote";

// The address says how one came: to the lab itself, to watch it, or with a remote control.
const way = location.pathname.split("/").at(-3) ?? "labs";
document.body.dataset.way = way;
if (way === "remote") new Remote().start();
else new Lab().start();
