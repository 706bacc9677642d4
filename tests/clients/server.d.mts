export interface Scrip {
  url: string;
  token(role: string, ...options: string[]): Promise<string>;
  stop(): Promise<void>;
}

export function startScrip(more?: Record<string, string>): Promise<Scrip>;
