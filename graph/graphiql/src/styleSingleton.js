/**
 * Stands in for the package react-style-singleton, with which the dialogs lock scrolling: it adds
 * <style> elements, which the page's Content-Security-Policy forbids; a constructed sheet is allowed.
 */
import { useInsertionEffect } from "react";

export function styleSingleton() {
  const sheet = new CSSStyleSheet();
  let users = 0;

  return function Style({ styles }) {
    useInsertionEffect(() => {
      if (users++ === 0) {
        sheet.replaceSync(styles);
        document.adoptedStyleSheets.push(sheet);
      }
      return () => {
        if (--users === 0) {
          document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
        }
      };
    }, [styles]);
    return null;
  };
}
