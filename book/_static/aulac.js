// The language switch: remembers the choice and stays at the section being read.
// Sections have an anchor that is the same in both editions (s-0, s-1, …).
"use strict";

(function () {
  const remember = (lang) => {
    try { localStorage.setItem("aulac-lang", lang); } catch (refused) { /* a file, or a strict browser */ }
  };

  // The shared anchor of the place named in the address, else of the section at the
  // top of the window; empty at the top of the page.
  const placeBeingRead = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const named = id && document.getElementById(id);
    if (named && named.getBoundingClientRect().bottom > 0 &&
        named.getBoundingClientRect().top < innerHeight) {
      if (/^term-|^cite-|^s-\d+$/.test(id)) return id;
      const section = named.closest("section");
      if (section) return sharedAnchor(section);
    }
    if (scrollY < 120) return "";
    let found = "";
    document.querySelectorAll("article section").forEach((section) => {
      if (section.getBoundingClientRect().top < 120) found = sharedAnchor(section) || found;
    });
    return found;
  };

  const sharedAnchor = (section) => {
    if (/^s-\d+$/.test(section.id)) return section.id;
    for (const child of section.children) {
      if (/^s-\d+$/.test(child.id)) return child.id;
      if (/^H[1-6]$/.test(child.tagName)) break;
    }
    return "";
  };

  // The copy button knows no Vietnamese.
  window.addEventListener("load", () => {
    if (document.documentElement.lang !== "vi") return;
    document.querySelectorAll("button.copybtn").forEach((button) => {
      button.dataset.tooltip = "Sao chép";
      button.setAttribute("aria-label", "Sao chép ô mã này");
    });
  });

  document.addEventListener("DOMContentLoaded", () => {
    remember(document.documentElement.lang);
    const link = document.querySelector("a.aulac-switch");
    if (!link) return;
    const home = link.getAttribute("href");
    const aim = () => {
      const place = placeBeingRead();
      link.setAttribute("href", home + location.search + (place ? "#" + place : ""));
    };
    // Before the browser follows the link, however it is used.
    ["pointerdown", "focus", "mouseenter", "keydown"].forEach((event) => link.addEventListener(event, aim));
    link.addEventListener("click", () => { aim(); remember(link.hreflang); });
  });
})();
