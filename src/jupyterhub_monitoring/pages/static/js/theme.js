// The Hub's dark mode: its switch, its key in the browser's storage. Runs before anything is drawn.
(() => {
  const KEY = "jupyterhub-bs-theme";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is forbidden: the system's setting holds
    }
  }

  function apply() {
    const theme = chosen() || (dark.matches ? "dark" : "light");
    root.setAttribute("data-bs-theme", theme);
    dispatchEvent(new Event("themechange"));
  }

  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === KEY && apply());
  addEventListener("DOMContentLoaded", () => {
    const toggle = document.getElementById("dark-theme-toggle");
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
      try {
        localStorage.setItem(KEY, next);
        apply();
      } catch {
        root.setAttribute("data-bs-theme", next);
        dispatchEvent(new Event("themechange"));
      }
    });
  });
})();
