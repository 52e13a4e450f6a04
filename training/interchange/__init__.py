"""Other tools' formats to the project's articles, and articles to Label Studio."""
