import "@xterm/xterm/css/xterm.css";
import "./styles/lab.css";
import { Lab } from "./lab";

new Lab().start();
