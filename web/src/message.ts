import "./styles/start.css";
