// Searching the book, with or without marks.
//
// The words typed are looked for twice: as typed, and with every mark taken off both
// sides, so "am tiet" finds "âm tiết". What carries the marks as typed comes first, and
// neighbours count: a Vietnamese word is often several syllables in a row.
"use strict";

const aulacSearch = (() => {
  const SHOWN = 40;
  const AROUND = 90;

  // One character for each character, so a place found in folded text is a place in the
  // text itself. A test holds it against aulac.text.strip_marks.
  const foldCharacter = (character) => {
    if (character === "đ" || character === "Đ") return "d";
    const bare = character.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    return [...bare].length === 1 && bare.length === character.length ? bare : character;
  };
  const fold = (text) => Array.from(text.normalize("NFC"), foldCharacter).join("");

  const lower = (text) =>
    Array.from(text.normalize("NFC"), (c) => (c.toLowerCase().length === c.length ? c.toLowerCase() : c)).join("");

  const isLetter = (character) => character !== undefined && /[\p{L}\p{N}_]/u.test(character);

  // Places where `words` begins as a word; `whole` only where it also ends as one.
  const places = (text, words, whole, limit) => {
    const found = [];
    let from = 0;
    while (found.length < limit) {
      const at = text.indexOf(words, from);
      if (at < 0) break;
      const starts = !isLetter(text[at - 1]) || !isLetter(words[0]);
      const ends = !whole || !isLetter(text[at + words.length]);
      if (starts && ends) found.push(at);
      from = at + 1;
    }
    return found;
  };

  const prepare = (sections) =>
    sections.map(([page, pageTitle, title, anchor, text]) => ({
      page, pageTitle, title, anchor, text: text.normalize("NFC"),
      titleLower: lower(title), titleFolded: fold(title),
      textLower: lower(text), textFolded: fold(text),
    }));

  // How well a section answers: 0 when a word is missing altogether.
  const score = (section, typed, words) => {
    const folded = words.map(fold);
    let points = 0;
    for (let i = 0; i < words.length; i += 1) {
      const inTitle = places(section.titleFolded, folded[i], false, 1).length;
      const inText = places(section.textFolded, folded[i], false, 1).length;
      if (!inTitle && !inText) return 0;
      points += 1;
      if (places(section.textFolded, folded[i], true, 1).length) points += 2;
      if (places(section.titleFolded, folded[i], true, 1).length) points += 8;
      if (places(section.textLower, words[i], true, 1).length) points += 6;
      if (places(section.titleLower, words[i], true, 1).length) points += 12;
    }
    points /= words.length;
    const whole = typed.join(" ");
    points += 3 * Math.min(places(section.textLower, whole, true, 3).length, 3);
    points += Math.min(places(section.textFolded, fold(whole), true, 3).length, 3);
    if (places(section.titleLower, whole, true, 1).length) points += 40;
    else if (places(section.titleFolded, fold(whole), true, 1).length) points += 20;
    if (section.titleLower === whole) points += 20;
    // As typed beats without marks, whatever else a section has going for it.
    if (places(section.textLower, whole, true, 1).length || places(section.titleLower, whole, true, 1).length) points += 100;
    return points;
  };

  const split = (query) => lower(query).split(/[^\p{L}\p{N}_]+/u).filter(Boolean);

  const search = (sections, query) => {
    const words = split(query);
    if (!words.length) return [];
    return sections
      .map((section, order) => ({ section, order, points: score(section, words, [...new Set(words)]) }))
      .filter((hit) => hit.points > 0)
      .sort((a, b) => b.points - a.points || a.order - b.order);
  };

  // The stretch of text around the best place, and what to mark in it.
  const excerpt = (section, query) => {
    const words = split(query);
    const whole = words.join(" ");
    const tries = [
      [section.textLower, whole], [section.textFolded, fold(whole)],
      ...words.map((word) => [section.textLower, word]),
      ...words.map((word) => [section.textFolded, fold(word)]),
    ];
    let at = 0;
    for (const [text, wanted] of tries) {
      const [first] = places(text, wanted, false, 1);
      if (first !== undefined) { at = first; break; }
    }
    const start = at <= AROUND ? 0 : section.text.lastIndexOf(" ", at - AROUND) + 1;
    const wide = section.text.indexOf(" ", at + 2 * AROUND);
    const end = wide < 0 ? section.text.length : wide;
    const spans = [];
    const part = section.textFolded.slice(start, end);
    const wanted = places(part, fold(whole), false, 1).length ? [whole] : words;
    wanted.forEach((word) => places(part, fold(word), false, 20).forEach((place) => spans.push([place, place + word.length])));
    return { text: section.text.slice(start, end), spans: spans.sort((a, b) => a[0] - b[0]), start, end };
  };

  return { fold, prepare, search, excerpt, SHOWN };
})();

if (typeof module !== "undefined") module.exports = aulacSearch;

if (typeof document !== "undefined") {
  document.addEventListener("DOMContentLoaded", () => {
    const WORDS = {
      vi: { none: "Không tìm thấy gì cho", found: "mục có", start: "Phần đầu trang" },
      en: { none: "Nothing found for", found: "sections with", start: "Top of the page" },
    };
    const list = document.getElementById("aulac-search-results");
    // Ctrl+K or / goes to the search field, as readers of documentation expect.
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
      const asked = (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !typing);
      const field = document.querySelector(list ? ".aulac-search-page input" : ".bd-sidebar-primary input[name=q]");
      if (!asked || !field) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (field.offsetParent) field.select();
      else location.href = document.querySelector(".aulac-search-link").href;
    }, true);
    if (!list) return;

    const words = WORDS[document.documentElement.lang] || WORDS.vi;
    const status = document.getElementById("aulac-search-status");
    const sections = aulacSearch.prepare(window.aulacSections || []);
    const field = document.querySelector(".aulac-search-page input[name=q]");

    const show = (query) => {
      list.replaceChildren();
      const hits = aulacSearch.search(sections, query);
      if (!query.trim()) status.textContent = "";
      else if (!hits.length) status.textContent = `${words.none} “${query.trim()}”.`;
      else status.textContent = `${hits.length} ${words.found} “${query.trim()}”.`;
      hits.slice(0, aulacSearch.SHOWN).forEach(({ section }) => list.append(item(section, query)));
    };

    const item = (section, query) => {
      const entry = document.createElement("li");
      const link = document.createElement("a");
      link.href = section.page + ".html" + (section.anchor ? "#" + section.anchor : "");
      link.textContent = section.title || section.pageTitle || words.start;
      entry.append(link);
      if (section.title !== section.pageTitle) {
        const where = document.createElement("span");
        where.className = "aulac-where";
        where.textContent = section.pageTitle;
        entry.append(where);
      }
      const { text, spans, start, end } = aulacSearch.excerpt(section, query);
      const line = document.createElement("p");
      let at = 0;
      if (start > 0) line.append("… ");
      spans.forEach(([from, to]) => {
        if (from < at) return;
        line.append(text.slice(at, from));
        const mark = document.createElement("mark");
        mark.textContent = text.slice(from, to);
        line.append(mark);
        at = to;
      });
      line.append(text.slice(at));
      if (end < section.text.length) line.append(" …");
      entry.append(line);
      return entry;
    };

    const asked = new URLSearchParams(location.search).get("q") || "";
    document.querySelectorAll("input[name=q]").forEach((input) => { input.value = asked; });
    show(asked);
    field.focus();
    let waiting;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const address = new URL(location.href);
        address.searchParams.set("q", field.value);
        try { history.replaceState(null, "", address); } catch (refused) { /* a file on disk */ }
        show(field.value);
      }, 150);
    });
  });
}
