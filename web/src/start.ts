import "./styles/start.css";
import { required } from "./dom";
import { themeButton } from "./theme";

required("tools").append(themeButton());
