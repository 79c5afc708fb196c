"""The fields of a form on a page: what is asked, in the words of the page's own language."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail import blocks

from crm.states import ConsentKind

FIELDS_MAX = 20
EMAIL, CONSENT = "email", "consent"


class FieldBlock(blocks.StructBlock):
    label = blocks.CharBlock(max_length=120, label=_("Question"))
    hint = blocks.CharBlock(required=False, max_length=200, label=_("Hint below the question"))
    required = blocks.BooleanBlock(required=False, default=True, label=_("Must be answered"))


class TextFieldBlock(FieldBlock):
    is_long = blocks.BooleanBlock(required=False, label=_("More than one line"))

    class Meta:
        label = _("Text")
        icon = "pilcrow"


class EmailFieldBlock(FieldBlock):
    class Meta:
        label = _("E-mail")
        icon = "mail"


class PhoneFieldBlock(FieldBlock):
    class Meta:
        label = _("Phone")
        icon = "mobile-alt"


class ChoiceFieldBlock(FieldBlock):
    choices = blocks.ListBlock(
        blocks.CharBlock(max_length=120, label=_("Answer")), min_num=2, max_num=20, label=_("Answers")
    )
    is_many = blocks.BooleanBlock(required=False, label=_("More than one answer"))

    class Meta:
        label = _("Choice")
        icon = "list-ul"


class CheckboxFieldBlock(FieldBlock):
    class Meta:
        label = _("Checkbox")
        icon = "check"


class ConsentFieldBlock(blocks.StructBlock):
    """Never a condition of sending: a consent that has to be given is none."""

    purpose = blocks.ChoiceBlock(ConsentKind.choices, default=ConsentKind.NEWSLETTER, label=_("Purpose"))
    wording = blocks.CharBlock(max_length=300, label=_("Words that are agreed to"))

    class Meta:
        label = _("Consent")
        icon = "lock"
        help_text = _("Kept as a consent of the account, once the reader has confirmed the e-mail address.")


class FieldsBlock(blocks.StreamBlock):
    text = TextFieldBlock()
    email = EmailFieldBlock()
    phone = PhoneFieldBlock()
    choice = ChoiceFieldBlock()
    checkbox = CheckboxFieldBlock()
    consent = ConsentFieldBlock()

    class Meta:
        min_num = 1
        max_num = FIELDS_MAX
        block_counts = {EMAIL: {"max_num": 1}}

    def clean(self, value: Any) -> Any:
        """A consent belongs to somebody: without an address nobody could confirm it."""
        found = super().clean(value)
        kinds = {child.block_type for child in found}
        if CONSENT in kinds and EMAIL not in kinds:
            wrong = ValidationError(gettext("A form with a consent needs a field for the e-mail address."))
            raise blocks.StreamBlockValidationError(non_block_errors=[wrong])
        return found
