"""Reading of text: a passage of a page in, sentences and the places that they speak of out."""
