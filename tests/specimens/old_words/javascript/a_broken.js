// The first script fails; the ones after it must not mind.
throw new Error('old words: this script fails');
