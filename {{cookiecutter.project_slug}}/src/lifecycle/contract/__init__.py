"""What every part agrees on, a served model included: schema, features, privacy, errors."""
