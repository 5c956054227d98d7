// Runs before the page is painted, so that a chosen theme does not flash and text does not jump.
import { applyTextScale } from "./textsize";
import { applyTheme, storedTheme } from "./theme";

applyTheme(storedTheme());
applyTextScale();
