(() => {
  // Sorting is an extra: the tables are whole without it.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => {
      if (!head.hasAttribute("data-sort")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : head.dataset.sort === "down";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = row => row.cells[column].dataset.value ?? "";
        const rows = [...body.rows].map((row, place) => ({ row, place, key: key(row) }));
        rows.sort((a, b) => {
          if (a.key === "" || b.key === "") return (a.key === "") - (b.key === "") || a.place - b.place;
          const by = head.dataset.sort === "text" ? (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) : a.key - b.key;
          return (down ? -by : by) || a.place - b.place;
        });
        body.append(...rows.map(one => one.row));
      });
    });
  }
})();
