// What the build makes of style sheets: the shadow root's is text, the others are files.
declare module "*.css" {
  export const css: string;
}
