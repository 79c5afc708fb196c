"""Companies that are not ours: a copy of the public register, as it was told last."""

from django.db import models


class RegisteredCompany(models.Model):
    """A company in the public register: names and numbers are looked up here; whether it takes electronic invoices is asked of SEF itself."""

    pib = models.CharField(max_length=9)
    # Public bodies may share a PIB; each has a number of its own.
    jbkjs = models.CharField("JBKJS", max_length=5, blank=True)
    registration_number = models.CharField(max_length=20, blank=True)
    name = models.CharField(max_length=200)
    registered_on = models.DateField(null=True, blank=True)
    deleted_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pib", "jbkjs"], name="registered_company_once")]

    def __str__(self) -> str:
        return f"{self.pib} {self.name}"
