// The page search.html. search_index.js, which docs/search_index.py writes, has all sections of the site.
"use strict";

const field = document.querySelector("nav input");

// How well a section fits a word: 0 if the word isn't in it.
function fit(section, word) {
    const heading = section.heading.toLowerCase();
    const names = heading.split(/[^\p{L}\p{N}_]+/u).filter(Boolean);
    const times = Math.min(3, section.text.toLowerCase().split(word).length - 1);
    if (names[0] === word) return times + 9;
    if (names.includes(word)) return times + 7;
    if (heading.includes(word)) return times + 5;
    return section.page.toLowerCase().includes(word) ? times + 1 : times;
}

function total(section, words) {
    const fits = words.map((word) => fit(section, word));
    return fits.includes(0) ? 0 : fits.reduce((sum, each) => sum + each, 0);
}

// Some of the text, around the first of the words that is in it, with all of them marked.
function excerpt(text, words) {
    const places = words.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0);
    const begin = places.length ? text.lastIndexOf(" ", Math.max(0, Math.min(...places) - 50)) + 1 : 0;
    const shown = (begin > 0 ? "… " : "") + text.slice(begin, begin + 180) + (begin + 180 < text.length ? " …" : "");
    const any = new RegExp(`(${words.map((word) => word.replace(/[^\p{L}\p{N}_]/gu, "\\$&")).join("|")})`, "i");
    const paragraph = document.createElement("p");
    shown.split(any).forEach((part, index) => {
        const piece = document.createElement(index % 2 ? "mark" : "span");
        piece.textContent = part;
        paragraph.append(piece);
    });
    return paragraph;
}

function result(section, words) {
    const link = document.createElement("a");
    link.href = section.address;
    link.textContent = section.heading === section.page ? section.page : `${section.page}: ${section.heading}`;
    const item = document.createElement("li");
    item.append(link, excerpt(section.text, words));
    return item;
}

function search() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? sections.map((section) => [total(section, words), section]).filter(([sum]) => sum) : [];
    found.sort(([one], [other]) => other - one);
    const best = found.slice(0, 30).map(([, section]) => result(section, words));
    document.getElementById("results").replaceChildren(...best);
    const shown = found.length > best.length ? ` The best ${best.length}:` : "";
    document.getElementById("found").textContent = words.length ? `Sections found: ${found.length}.${shown}` : "";
}

field.value = new URLSearchParams(location.search).get("words") ?? "";
field.addEventListener("input", search);
search();
