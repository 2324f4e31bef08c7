"""A run's pictures for the report: before, after, ten times what differs, and some leaks, side by side, as WebP."""

from pathlib import Path

from PIL import Image

PARTS = ("before", "after", "difference-x10", "print-scan", "phone-photo", "average-of-10")
WIDTH, GAP = 320, 8
FOLDER = "watermark-bench"


def plates(out: Path, docs: Path) -> str:
    """Write a plate for each subject whose pictures lie in `out` beside the report `docs`; their Markdown.

    Each picture is `WIDTH` pixels wide; the parts stand in the order of `PARTS`. Empty where no pictures were kept.
    """
    subjects = sorted(file.name.removesuffix("-before.png") for file in (out / "pictures").glob("*-before.png"))
    lines = []
    for subject in subjects:
        found = [out / "pictures" / f"{subject}-{part}.png" for part in PARTS]
        shown = [_scaled(file) for file in found if file.exists()]
        height = max(picture.height for picture in shown)
        plate = Image.new("RGB", (len(shown) * (WIDTH + GAP) - GAP, height), "white")
        for place, picture in enumerate(shown):
            plate.paste(picture, (place * (WIDTH + GAP), 0))
        folder = docs.parent / FOLDER
        folder.mkdir(exist_ok=True)
        plate.save(folder / f"{subject}.webp", quality=80, method=6)
        lines.append(f"![{subject}]({FOLDER}/{subject}.webp)")
    if not lines:
        return ""
    named = ", ".join(part.replace("-", " ") for part in PARTS)
    told = f"From left to right: {named}; {WIDTH} pixels wide. The difference was taken before it was made smaller."
    return "\n\n".join([told, *lines])


def _scaled(file: Path) -> Image.Image:
    with Image.open(file) as picture:
        full = picture.convert("RGB")
    return full.resize((WIDTH, round(full.height * WIDTH / full.width)), Image.Resampling.LANCZOS)
