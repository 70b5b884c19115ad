"""What the search keeps beside the entries: their terms and vectors, and how often each term occurs."""

from __future__ import annotations

from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from pgvector.django import HalfVectorField, HnswIndex, SparseVectorField

from knowledge.models.entries import Entry

#: Terms are numbered by a hash below this: among a million words two share a number in a thousand cases.
TERM_SPACE: Final = 1 << 29
#: Numbers of a vector.
VECTOR: Final = 384


class SearchRow(models.Model):
    """An entry as the search sees it. Written in the transaction that saves the entry; vectors follow in the same one
    where the model is loaded, else within moments (`model` is then "").
    """

    entry = models.OneToOneField(Entry, primary_key=True, on_delete=models.CASCADE, related_name="search")
    space = models.CharField(max_length=40, blank=True)  # as the entry's
    revision = models.PositiveIntegerField()  # of the entry's words
    title = models.CharField(max_length=300)  # as the entry's: the entries themselves are wide, and not read to rank
    language = models.CharField(max_length=8)
    lexicon = models.PositiveSmallIntegerField()  # version of the rules by which words become terms
    terms = ArrayField(models.IntegerField(), default=list)  # single words, distinct
    # What each word counts (`knowledge.search.bm25`), and each pair of words: those are read of few entries only.
    weights = SparseVectorField(dimensions=TERM_SPACE)
    pairs = SparseVectorField(dimensions=TERM_SPACE)
    length = models.FloatField()  # in words, those of the title several times
    names = ArrayField(models.CharField(max_length=160), default=list)  # identifiers: error codes, endpoints, keys
    model = models.CharField(max_length=40, blank=True)  # that made the vectors
    # 1 = as written; less for an entry that was found and did not help.
    weight = models.FloatField(default=1.0)
    whole = HalfVectorField(dimensions=VECTOR, null=True)
    heading = HalfVectorField(dimensions=VECTOR, null=True)

    class Meta:
        indexes = (
            # Written at once: a list of what is still to be sorted in would be read with every search.
            GinIndex(fields=["terms"], name="search_terms", fastupdate=False),
            GinIndex(fields=["names"], name="search_names", fastupdate=False),
            models.Index(fields=["model"], name="search_model"),
            HnswIndex(name="search_whole", fields=["whole"], m=16, ef_construction=64, opclasses=["halfvec_ip_ops"]),
        )

    def __str__(self) -> str:
        return f"search row of {self.entry_id}"


class SearchTerm(models.Model):
    """In how many entries of a space a term occurs."""

    space = models.CharField(max_length=40, blank=True)
    term = models.IntegerField()
    count = models.IntegerField(default=0)
    word = models.CharField(max_length=80, blank=True)  # as somebody wrote it, for typing errors; "" for pairs of words

    class Meta:
        constraints = (models.UniqueConstraint(fields=["space", "term"], name="search_term_once"),)
        indexes = (GinIndex(OpClass("word", name="gin_trgm_ops"), name="search_term_word", fastupdate=False),)

    def __str__(self) -> str:
        return self.word or str(self.term)


class SearchSpace(models.Model):
    """Totals of a space: how many entries it has, and how long they are together."""

    space = models.CharField(max_length=40, blank=True, unique=True)
    entries = models.PositiveIntegerField(default=0)
    length = models.FloatField(default=0.0)
    mean_length = models.FloatField(default=0.0)  # by which the stored weights were made

    def __str__(self) -> str:
        return self.space or "knowledge base"
