package dev.penstock.injection;

import java.io.IOException;
import java.io.StringReader;
import java.io.Writer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import io.pebbletemplates.pebble.PebbleEngine;
import io.pebbletemplates.pebble.error.PebbleException;
import io.pebbletemplates.pebble.lexer.LexerImpl;
import io.pebbletemplates.pebble.lexer.Token;
import io.pebbletemplates.pebble.template.PebbleTemplate;
import org.jspecify.annotations.Nullable;

/**
 * The template language of injected mail: Pebble, which reads Jinja's syntax, cut down to what clients that aren't
 * trusted may do. Thread-safe.
 *
 * <p>No file is ever read, no method of a Java object called, no class looked up: there are no include, import, extends
 * or macro tags, and attributes are looked up in maps and lists alone. There are no list or map literals either, so that
 * no template can build a structure larger than the data it was given. What a template may cost is bounded by
 * {@link RenderBudget}, what it may write by the caller.
 */
final class TemplateEngine {
    /** Characters of one template. */
    static final int MAX_TEMPLATE = 1 << 20;
    private static final int MAX_MESSAGE = 200;
    /** Characters of all templates remembered. What is made of one takes up to some 100 times as many octets. */
    private static final int MAX_RECENT = 128 << 10;
    /** Characters that each counts for beside its own. */
    private static final int EACH = 64;

    private final PebbleEngine text = engine(false);
    private final PebbleEngine html = engine(true);
    private final Recent recent = new Recent();

    private record Read(String source, boolean escaped) {}

    /** Templates used lately: a campaign comes in many requests. Thread-safe. */
    private static final class Recent {
        private final LinkedHashMap<Read, Template> templates = new LinkedHashMap<>(16, 0.75f, true);
        private int characters;

        synchronized @Nullable Template get(Read key) {
            return templates.get(key);
        }

        synchronized void put(Read key, Template template) {
            if (key.source.length() > MAX_RECENT / 2 || templates.put(key, template) != null) {
                return;
            }
            characters += key.source.length() + EACH;
            while (characters > MAX_RECENT) {
                characters -= templates.pollFirstEntry().getKey().source.length() + EACH;
            }
        }
    }

    /** A template that was read. Thread-safe. */
    static final class Template {
        private final String source;
        private final @Nullable PebbleTemplate compiled;

        private Template(String source, @Nullable PebbleTemplate compiled) {
            this.source = source;
            this.compiled = compiled;
        }

        /** Whether the result is always the same. */
        boolean isConstant() {
            return compiled == null;
        }

        /**
         * Fills it in.
         *
         * @param values strings, numbers, booleans, nulls, and maps and lists of them
         * @param maxLength characters of the result
         * @throws TemplateException when that fails, takes too long or gets too long
         */
        String render(Map<String, @Nullable Object> values, long maxLength) {
            PebbleTemplate template = compiled;
            if (template == null) {
                return source;
            }
            BoundedWriter out = new BoundedWriter(Math.min(source.length() + 256L, maxLength), maxLength);
            try {
                ScopedValue.where(RenderBudget.CURRENT, new RenderBudget()).call(() -> {
                    template.evaluate(out, values);
                    return null;
                });
            } catch (TemplateException e) {
                throw e;
            } catch (PebbleException | IOException e) {
                throw failure("can't be filled in: ", e);
            } catch (RuntimeException e) { // of a filter that got what it can't take
                throw new TemplateException("can't be filled in: " + e.getClass().getSimpleName(), e);
            } catch (StackOverflowError e) {
                throw new TemplateException("can't be filled in: it is nested too deeply", e);
            }
            return out.text.toString();
        }
    }

    /** Text that no template language applies to. */
    static Template constant(String source) {
        return new Template(source, null);
    }

    /**
     * Reads a template.
     *
     * @param escaped whether what is filled in is escaped for HTML
     * @throws TemplateException when it isn't one
     */
    Template compile(String source, boolean escaped) {
        if (!source.contains("{{") && !source.contains("{%") && !source.contains("{#")) {
            return constant(source);
        }
        if (source.length() > MAX_TEMPLATE) {
            throw new TemplateException("a template is at most " + MAX_TEMPLATE
                    + " characters long; large files belong into attachments", null);
        }
        Read known = new Read(source, escaped);
        Template template = recent.get(known);
        if (template == null) {
            template = read(source, escaped);
            recent.put(known, template);
        }
        return template;
    }

    private Template read(String source, boolean escaped) {
        PebbleEngine engine = escaped ? html : text;
        try {
            refuseLiterals(engine, source);
            return new Template(source, engine.getLiteralTemplate(source));
        } catch (PebbleException e) {
            throw failure("", e);
        } catch (RuntimeException e) { // the parser's own, on input it doesn't expect
            throw new TemplateException("isn't a template: " + e.getClass().getSimpleName(), e);
        } catch (StackOverflowError e) {
            throw new TemplateException("is nested too deeply", e);
        }
    }

    private static void refuseLiterals(PebbleEngine engine, String source) {
        List<Token> tokens = new LexerImpl(engine.getSyntax(),
                engine.getExtensionRegistry().getUnaryOperators().values(),
                engine.getExtensionRegistry().getBinaryOperators().values()).tokenize(new StringReader(source), "")
                .getTokens();
        Token before = null;
        for (Token token : tokens) {
            boolean opensMap = token.test(Token.Type.PUNCTUATION, "{");
            boolean opensList = token.test(Token.Type.PUNCTUATION, "[") && (before == null || !isValue(before));
            if (opensMap || opensList) {
                throw new TemplateException(
                        "line " + token.getLineNumber()
                                + ": lists and maps can't be written here, only in substitutions",
                        null);
            }
            before = token;
        }
    }

    private static boolean isValue(Token token) {
        return token.test(Token.Type.NAME) && !token.getValue().equals("in")
                || token.test(Token.Type.PUNCTUATION, ")", "]");
    }

    private static PebbleEngine engine(boolean escaping) {
        PebbleEngine.Builder builder = new PebbleEngine.Builder();
        builder.registerExtensionCustomizer(SafeExtension::new);
        return builder.autoEscaping(escaping).cacheActive(false).strictVariables(false).newLineTrimming(false)
                .allowOverrideCoreOperators(false).defaultLocale(Locale.ENGLISH)
                .methodAccessValidator((_, _) -> false).build();
    }

    /** In one line and without the template, which Pebble names at the end. */
    private static TemplateException failure(String start, Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof TemplateException known) {
                return known;
            }
        }
        String message = e instanceof PebbleException pebble
                ? (pebble.getLineNumber() == null ? "" : "line " + pebble.getLineNumber() + ": ")
                        + pebble.getPebbleMessage()
                : String.valueOf(e.getMessage());
        String line = message.replaceAll("\\s+", " ").strip();
        return new TemplateException(
                start + (line.length() > MAX_MESSAGE ? line.substring(0, MAX_MESSAGE) + "…" : line), e);
    }

    private static final class BoundedWriter extends Writer {
        private final StringBuilder text;
        private final long maxLength;

        BoundedWriter(long expected, long maxLength) {
            this.text = new StringBuilder((int) expected);
            this.maxLength = maxLength;
        }

        @Override
        public void write(char[] characters, int offset, int length) {
            if (text.length() + (long) length > maxLength) {
                throw new TemplateException("makes more than " + maxLength + " characters", null);
            }
            text.append(characters, offset, length);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }

    /** Names of what is in the language, for documentation and tests. */
    static List<String> filters() {
        return new ArrayList<>(SafeExtension.FILTERS);
    }
}
