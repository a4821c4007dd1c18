// Shows what the server says of itself.
const response = await fetch("/version", { headers: { Accept: "application/json" } });
document.getElementById("version").textContent = JSON.stringify(await response.json(), null, 2);
