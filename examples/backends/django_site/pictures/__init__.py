"""Pictures that only some may see, with covers that everybody may see."""
